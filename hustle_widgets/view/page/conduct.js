// What no trait of a widget can do: keys, names for those who hear the page, the whole window, small steps by the
// wheel, and a word when the kernel is gone. One for each place where the page is shown.

// Key, what it does, and what must be on the page for it.
const KEYS = [
  ["Tab", "to the next part; the steps are one part", ""],
  ["← → ↑ ↓ on a step", "to the step before or after", ".hustle-step"],
  ["Enter, Space on a step", "open it; switch it on or off", ".hustle-step"],
  ["← → on a slider, wheel", "small steps; Page keys large ones", ""],
  [", .", "frame before and after", ".hustle-frame"],
  ["p", "play and pause", ".hustle-frame"],
  ["u, r", "undo, redo", ".hustle-undo"],
  ["c, s", "compute, run and save", ".hustle-compute"],
  ["f", "whole window, and back", ""],
  ["?", "this list", ""],
];
const PRESS = { u: "hustle-undo", r: "hustle-redo", c: "hustle-compute", s: "hustle-run" };
const TURN = [",", ".", "p"];
// Milliseconds within which names may follow what is shown.
const SOON = 300;

function typing(target) {
  return target.matches?.("input:not([type=checkbox]), textarea, select, [contenteditable=true]");
}

function press(page, name) {
  const found = page.querySelector("." + name);
  const button = found?.matches("button") ? found : found?.querySelector("button");
  if (button && !button.disabled) button.click();
}

function steps(page) {
  return [...page.querySelectorAll(".hustle-steps button.hustle-step")];
}

function put(element, attribute, value) {
  if (element.getAttribute(attribute) !== value) element.setAttribute(attribute, value);
}

// One stop of the Tab key for all steps, on the open one.
function rove(page) {
  const all = steps(page);
  const open = all.find((step) => step.closest(".hustle-open")) ?? all[0];
  for (const step of all) {
    step.tabIndex = step === open ? 0 : -1;
    put(step, "aria-current", step === open ? "step" : "false");
  }
  for (const box of page.querySelectorAll(".hustle-steps input")) box.tabIndex = -1;
}

// What ipywidgets and bqplot leave without a name: handles of sliders, entries beside them, switches in the list of
// steps, and plots, whose sentence stands in their heading.
function name(page) {
  for (const handle of page.querySelectorAll(".noUi-handle")) {
    const label = handle.closest(".widget-hslider")?.querySelector(".widget-label");
    if (label) put(handle, "aria-label", label.textContent.trim());
  }
  for (const entry of page.querySelectorAll(":is(input, select)[title]")) {
    const label = entry.closest(".jupyter-widgets")?.querySelector(".widget-label, .widget-label-basic");
    if (!label?.textContent.trim() || label.style.display === "none") put(entry, "aria-label", entry.title);
  }
  for (const row of page.querySelectorAll(".hustle-steps .hustle-row")) {
    const [box, step] = [row.querySelector("input"), row.querySelector(".hustle-step")];
    if (box && step) put(box, "aria-label", `Switch of ${step.textContent.trim()}`);
  }
  for (const box of page.querySelectorAll(".hustle-plot-box")) {
    const plot = box.querySelector(".bqplot");
    const sentence = box.querySelector(".hustle-heading .hustle-sr");
    if (!plot || !sentence) continue;
    const title = box.querySelector(".hustle-heading > b")?.textContent.trim();
    put(sentence, "aria-hidden", "true"); // told once, by the plot
    put(plot, "role", "img");
    put(plot, "aria-label", title ? `${title}: ${sentence.textContent}` : sentence.textContent);
  }
}

// bqplot draws as many tick labels as it was told, however small the plot: those that would lie over another are hidden.
function thin(page) {
  const hidden = [];
  for (const plot of page.querySelectorAll(".bqplot")) {
    const kept = [];
    for (const label of plot.querySelectorAll(".axis .tick text")) {
      const box = label.getBoundingClientRect();
      if (!box.width) continue;
      const over = kept.some((other) => Math.min(box.right, other.right) > Math.max(box.left, other.left) - 2
        && Math.min(box.bottom, other.bottom) > Math.max(box.top, other.top) + 2);
      hidden.push([label, over]);
      if (!over) kept.push(box);
    }
  }
  for (const [label, over] of hidden) label.style.visibility = over ? "hidden" : "";
}

function move(page, event) {
  const all = steps(page);
  const at = all.indexOf(event.target);
  const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  let to;
  if (by) to = all[(at + by + all.length) % all.length];
  else if (event.key === "Home") to = all[0];
  else if (event.key === "End") to = all.at(-1);
  else return false;
  for (const step of all) step.tabIndex = step === to ? 0 : -1;
  to.focus();
  return true;
}

function list(page) {
  const there = page.querySelector(".hustle-keys");
  if (there) return there.remove();
  const before = document.activeElement;
  const box = document.createElement("div");
  box.className = "hustle-keys";
  box.setAttribute("role", "dialog");
  box.setAttribute("aria-label", "Keys");
  const here = KEYS.filter(([, , needed]) => !needed || page.querySelector(needed));
  const rows = here.map(([key, does]) => `<tr><th scope="row">${key}</th><td>${does}</td></tr>`).join("");
  box.innerHTML = `<b>Keys</b><table>${rows}</table><button type="button">Close</button>`;
  const button = box.querySelector("button");
  box.leave = () => {
    box.remove();
    before?.focus?.({ preventScroll: true });
  };
  button.onclick = box.leave;
  page.append(box);
  button.focus();
}

function reveal(page) {
  const [panel, list] = [page.querySelector(".hustle-panel"), page.querySelector(".hustle-steps")];
  if (!panel || !list) return;
  const below = panel.getBoundingClientRect().top + 120 > window.innerHeight;
  if (below) panel.scrollIntoView({ block: "start", behavior: "smooth" });
}

function wholeWindow(page) {
  if (document.fullscreenElement) return document.exitFullscreen();
  return page.requestFullscreen?.();
}

function conduct(page, model) {
  const off = new AbortController();
  const listen = (target, kind, act, more = {}) => target.addEventListener(kind, act, { signal: off.signal, ...more });
  // JupyterLab asks this attribute of the element with the focus before it takes a key for one of its commands: `x`
  // would cut the cell. It listens on the document, so the window is early enough.
  listen(window, "keydown", (event) => {
    if (page.contains(event.target)) event.target.setAttribute("data-lm-suppress-shortcuts", "true");
  }, { capture: true });
  page.setAttribute("role", "region");
  page.setAttribute("aria-label", "Reduction");
  page.tabIndex = -1;
  listen(page, "pointerdown", (event) => {
    if (!event.target.closest("button, input, select, textarea, a, [tabindex]:not(.hustle-page)"))
      page.focus({ preventScroll: true });
  });
  listen(page, "keydown", (event) => {
    const inDialog = page.querySelector(".hustle-keys");
    if (event.key === "Escape" && inDialog) {
      inDialog.leave();
      event.stopPropagation();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    let done = false;
    if (event.target.matches(".hustle-step")) {
      done = move(page, event);
      if (!done && event.key === " ") {
        event.target.closest(".hustle-row")?.querySelector("input[type=checkbox]")?.click();
        done = true;
      }
    }
    if (!done && event.key === "?") { list(page); done = true; }
    else if (!done && event.key === "f") { wholeWindow(page); done = true; }
    else if (!done && PRESS[event.key]) { press(page, PRESS[event.key]); done = true; }
    else if (!done && TURN.includes(event.key)) { model.send({ key: event.key }); done = true; }
    if (done) event.preventDefault();
  });
  listen(page, "click", (event) => {
    if (event.target.closest(".hustle-full")) wholeWindow(page);
    if (event.target.closest(".hustle-show-keys")) list(page);
    // Where one thing is below the other, what a step opens may be out of sight.
    if (event.target.closest(".hustle-step")) setTimeout(() => reveal(page), SOON);
  });
  listen(document, "fullscreenchange", () => {
    page.classList.toggle("hustle-whole-window", document.fullscreenElement === page);
  });
  // The wheel moves a slider that has the focus; others would swallow the page's scrolling.
  listen(page, "wheel", (event) => {
    const handle = event.target.closest(".widget-hslider")?.querySelector(".noUi-handle:focus");
    if (!handle) return;
    event.preventDefault();
    const key = event.deltaY < 0 ? "ArrowRight" : "ArrowLeft";
    handle.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  }, { passive: false });
  const ends = [() => off.abort()];
  const watch = (target, what, act) => {
    const observer = new MutationObserver(act);
    observer.observe(target, what);
    ends.push(() => observer.disconnect());
  };
  const row = page.querySelector(".hustle-steps");
  if (row)
    watch(row, { subtree: true, childList: true, attributes: true, attributeFilter: ["class"] }, () => rove(page));
  rove(page);
  let timer;
  const soon = () => {
    timer ??= setTimeout(() => { timer = undefined; name(page); thin(page); }, SOON);
  };
  watch(page, { subtree: true, childList: true }, soon);
  const size = new ResizeObserver(soon);
  size.observe(page);
  ends.push(() => size.disconnect(), () => clearTimeout(timer));
  name(page);
  // ipywidgets marks what has lost its kernel: it ended, or was started again.
  const alive = () => { if (page.matches(".jupyter-widgets-disconnected")) gone(page); };
  watch(page, { attributes: true, attributeFilter: ["class"] }, alive);
  alive();
  return () => ends.forEach((end) => end());
}

function gone(page) {
  if (page.querySelector(".hustle-gone")) return;
  const word = document.createElement("div");
  word.className = "hustle-gone hustle-alert";
  word.setAttribute("role", "alert");
  word.textContent = "The kernel of this page is gone: what is shown is its last state. Run the cell again.";
  page.prepend(word);
}

// Tell the kernel once the first frame is on the screen: until then it leaves the processors to the browser.
function tellSeen(page, model) {
  const image = page.querySelector(".hustle-frame .bqplot image");
  const file = image?.getAttribute("href") || image?.getAttribute("xlink:href");
  if (!file) return false;
  const picture = new Image();
  picture.src = file;
  picture.decode().catch(() => {}).then(() => requestAnimationFrame(() => model.send({ seen: true })));
  return true;
}

function render({ model, el }) {
  let end = () => {};
  let tries = 0;
  const start = () => {
    const page = el.closest(".hustle-page");
    if (!page) {
      if (tries++ < 600) requestAnimationFrame(start);
      return;
    }
    end = conduct(page, model);
    const look = () => { if (!tellSeen(page, model) && tries++ < 600) requestAnimationFrame(look); };
    look();
    model.on("msg:custom", (content) => { if (content.tick) model.send({ tick: content.tick }); });
  };
  start();
  return () => end();
}

export default { render };
