"""One frame as a picture: pixels, marks, tools, read-out."""
