// Tells the kernel where the mouse is over a bqplot figure, as fractions of its plot area from the lower left.
// Listens on the document: a figure may be shown several times, or again later.
function initialize({ model }) {
  let wanted;
  const send = () => {
    model.set("position", wanted);
    model.save_changes(); // while the kernel is busy, ipywidgets keeps the newest position only
    wanted = undefined;
  };
  const ask = (position) => {
    if (wanted === undefined) requestAnimationFrame(send);
    wanted = position;
  };
  let inside = false;
  const moved = (event) => {
    const figure = event.target.closest?.("." + model.get("figure_class"));
    const area = figure?.querySelector("rect.plotarea_events")?.getBoundingClientRect();
    if (!area?.width || !area.height) {
      if (inside) ask([]);
      inside = false;
      return;
    }
    const x = (event.clientX - area.left) / area.width;
    const y = (area.bottom - event.clientY) / area.height;
    const over = x >= 0 && x <= 1 && y >= 0 && y <= 1;
    if (over || inside) ask(over ? [x, y] : []);
    inside = over;
  };
  document.addEventListener("mousemove", moved, { passive: true });
  return () => document.removeEventListener("mousemove", moved);
}
export default { initialize };
