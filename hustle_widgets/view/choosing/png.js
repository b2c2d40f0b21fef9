// A button on every plot that saves it as PNG. One instance for each place where the page is shown.

const SCALE = 2; // pixels of the file a pixel of the screen
const HEADING = 20;
const STYLES = [
  "fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray", "opacity", "font-size",
  "font-family", "font-weight", "text-anchor", "dominant-baseline", "display", "visibility", "image-rendering", "transform",
];

// A picture that is loaded as an image reads no style sheet and no other address: both are written into it.
async function standing(svg) {
  const copy = svg.cloneNode(true);
  const from = svg.querySelectorAll("*"), to = copy.querySelectorAll("*");
  for (let k = 0; k < from.length; k++) {
    const style = getComputedStyle(from[k]);
    for (const name of STYLES) {
      if (name !== "transform" || !from[k].hasAttribute("transform")) to[k].style.setProperty(name, style.getPropertyValue(name));
    }
    // bqplot writes the page's address before the name of a clip path, which the file would ask for in vain.
    const clip = from[k].getAttribute("clip-path")?.match(/#([^)"']+)/);
    if (clip) to[k].setAttribute("clip-path", `url(#${clip[1]})`);
    if (from[k].tagName.toLowerCase() === "image") {
      const address = from[k].getAttribute("href") ?? from[k].getAttribute("xlink:href");
      if (address) to[k].setAttribute("href", await inline(address));
    }
  }
  const box = svg.getBoundingClientRect();
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.setAttribute("width", box.width);
  copy.setAttribute("height", box.height);
  return new XMLSerializer().serializeToString(copy);
}

async function inline(address) {
  if (address.startsWith("data:")) return address;
  const blob = await (await fetch(address)).blob();
  return new Promise((done) => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result);
    reader.readAsDataURL(blob);
  });
}

function loaded(source) {
  return new Promise((done, failed) => {
    const image = new Image();
    image.onload = () => done(image);
    image.onerror = () => failed(new Error("The plot could not be drawn into a picture."));
    image.src = source;
  });
}

// Title and legend lie beside the plot as HTML: each part in its colour, on as many lines as they need.
function writeHeading(canvas, spans, width, ink) {
  canvas.font = "13px sans-serif";
  let x = 8, y = 14;
  for (const span of spans) {
    const pieces = span.children.length ? [...span.childNodes] : [span];
    const long = canvas.measureText(span.textContent).width;
    if (x > 8 && x + long > width) { x = 8; y += HEADING; }
    canvas.font = `${span.tagName === "B" ? "bold " : ""}13px sans-serif`;
    for (const piece of pieces) {
      canvas.fillStyle = (piece.nodeType === 1 && getComputedStyle(piece).color) || ink;
      canvas.fillText(piece.textContent, x, y);
      x += canvas.measureText(piece.textContent).width;
    }
    x += 14;
  }
  return y + 8;
}

async function save(box) {
  const figure = box.querySelector(".bqplot").getBoundingClientRect();
  const page = box.closest(".hustle-page");
  const { width, height } = figure;
  const layers = []; // axes lie in one, marks in another
  for (const svg of box.querySelectorAll(".bqplot svg")) {
    const room = svg.getBoundingClientRect();
    if (svg.parentElement.closest("svg") || room.width < width / 2) continue;
    const image = await loaded(`data:image/svg+xml;charset=utf-8,${encodeURIComponent(await standing(svg))}`);
    layers.push([image, room.x - figure.x, room.y - figure.y, room.width, room.height]);
  }
  const spans = [...box.querySelectorAll(".hustle-heading > :not(.hustle-sr)")];
  const title = (spans[0]?.textContent ?? "plot").toLowerCase().replace(/[^a-z0-9]+/g, "_").replace(/^_+|_+$/g, "");
  // What is injected is said on every picture that is made meanwhile.
  const injected = page.querySelector(".hustle-injected b");
  if (injected?.offsetParent) {
    const said = document.createElement("b");
    said.textContent = "INJECTED, not observed";
    spans.unshift(said);
  }
  const ink = getComputedStyle(page).color;
  const paper = document.createElement("canvas");
  const top = writeHeading(paper.getContext("2d"), spans, width, ink);
  paper.width = width * SCALE;
  paper.height = (height + top) * SCALE;
  const canvas = paper.getContext("2d");
  canvas.scale(SCALE, SCALE);
  canvas.fillStyle = getComputedStyle(page).backgroundColor;
  canvas.fillRect(0, 0, width, height + top);
  writeHeading(canvas, spans, width, ink);
  for (const [image, x, y, wide, high] of layers) canvas.drawImage(image, x, top + y, wide, high);
  const link = document.createElement("a");
  link.download = `${title.slice(0, 60) || "plot"}.png`;
  link.href = paper.toDataURL("image/png");
  link.click();
}

function equip(page) {
  for (const box of page.querySelectorAll(".hustle-plot-box")) {
    if (box.querySelector(":scope > .hustle-png") || !box.querySelector(".bqplot svg")) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "hustle-png";
    button.title = "Save this plot as PNG";
    button.setAttribute("aria-label", button.title);
    button.textContent = "⤓";
    button.onclick = (event) => {
      event.stopPropagation();
      button.classList.remove("hustle-png-failed");
      save(box).catch((error) => { button.title = error.message; button.classList.add("hustle-png-failed"); });
    };
    box.append(button);
  }
}

function render({ el }) {
  let watch = null, tries = 0, waits = false;
  const start = () => {
    const page = el.closest(".hustle-page");
    if (!page) {
      if (tries++ < 600) requestAnimationFrame(start);
      return;
    }
    const later = () => {
      if (waits) return;
      waits = true;
      setTimeout(() => { waits = false; equip(page); }, 300);
    };
    watch = new MutationObserver((changes) => { if (changes.some((change) => change.addedNodes.length)) later(); });
    watch.observe(page, { subtree: true, childList: true });
    later();
  };
  start();
  return () => watch?.disconnect();
}

export default { render };
