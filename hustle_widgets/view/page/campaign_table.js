// A table whose head sorts and whose rows open: real buttons, so that keys and screen readers work.
const SIGNS = { good: "●", check: "▲", bad: "■", failed: "✖" };

function cell(tag, text, name) {
  const made = document.createElement(tag);
  if (name) made.className = name;
  made.textContent = text;
  return made;
}

function words(value, digits) {
  if (value === null || value === undefined) return "";
  return typeof value === "number" ? value.toFixed(digits ?? 0) : value;
}

function compare(a, b) {
  if (a === null || b === null) return (a === null) - (b === null);
  return typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), undefined, { numeric: true });
}

function render({ model, el }) {
  let by = -1, down = false;
  const table = cell("table", "", "hustle-campaign");
  const draw = () => {
    const columns = model.get("columns"), rows = model.get("rows"), chosen = model.get("chosen");
    const order = rows.map((_, number) => number);
    if (by >= 0) order.sort((a, b) => (down ? -1 : 1) * compare(rows[a].cells[by], rows[b].cells[by]) || a - b);
    const head = document.createElement("tr");
    columns.forEach((column, number) => {
      const th = document.createElement("th");
      th.scope = "col";
      th.setAttribute("aria-sort", number !== by ? "none" : down ? "descending" : "ascending");
      const button = cell("button", column.name + (number === by ? (down ? " ▼" : " ▲") : ""));
      button.title = column.text;
      button.onclick = () => {
        down = number === by && !down;
        by = number;
        draw();
        table.tHead.rows[0].cells[number].firstChild.focus();
      };
      th.append(button);
      head.append(th);
    });
    const body = order.map((number) => {
      const row = rows[number], tr = cell("tr", "", number === chosen ? "hustle-opened" : "");
      tr.title = row.text;
      row.cells.forEach((value, column) => {
        const td = cell("td", column ? words(value, columns[column].digits) : "", typeof value === "number" ? "hustle-number" : "");
        if (!column) {
          td.append(cell("button", words(value)));
        } else if (value in SIGNS) {
          td.textContent = `${SIGNS[value]} ${value}`;
          td.className = value === "failed" ? "hustle-bad" : `hustle-${value}`;
        }
        tr.append(td);
      });
      tr.onclick = () => {
        model.send({ open: number });
      };
      return tr;
    });
    table.replaceChildren();
    table.createTHead().append(head);
    table.createTBody().append(...body);
  };
  el.classList.add("hustle-campaign-box");
  el.append(table);
  model.on("change:rows", draw);
  model.on("change:chosen", draw);
  draw();
  return () => {
    model.off("change:rows", draw);
    model.off("change:chosen", draw);
  };
}

export default { render };
