// A button that asks the kernel for a file and lets the browser save it: the kernel may be on another machine.

function size(bytes) {
  return bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

function render({ model, el }) {
  const button = document.createElement("button"), again = document.createElement("a");
  button.type = "button";
  button.className = "jupyter-button hustle-download";
  button.textContent = `⤓ ${model.get("text")}`;
  button.title = model.get("tip");
  again.className = "hustle-small";
  let asked = false, address = "";
  const forget = () => { if (address) URL.revokeObjectURL(address); address = ""; };
  button.onclick = () => {
    asked = button.disabled = true;
    model.send({ wanted: true });
  };
  const told = (content, buffers) => {
    if (!asked) return; // another place where the page is shown has asked
    asked = button.disabled = false;
    if (!content.name) return;
    forget();
    address = URL.createObjectURL(new Blob(buffers, { type: content.kind }));
    again.href = address;
    again.download = content.name;
    again.textContent = `${content.name}, ${size(content.bytes)}`;
    again.title = "Save it once more";
    again.click();
  };
  model.on("msg:custom", told);
  el.append(button, again);
  el.classList.add("hustle-download-row");
  return () => { model.off("msg:custom", told); forget(); };
}

export default { render };
