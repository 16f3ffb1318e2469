"use strict";
(() => {
  const theme = document.getElementById("theme");
  theme.hidden = false;
  theme.addEventListener("click", () => {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });
  // A number sorts by its plain value, text by the reader's alphabet; what is missing comes last.
  const key = (row, column) => {
    const cell = row.cells[column];
    return cell.dataset.v === undefined ? cell.textContent.trim() : Number(cell.dataset.v);
  };
  const order = (a, b, up) => {
    if (a === "" || b === "") return (a === "") - (b === "");
    const less = typeof a === "number" && typeof b === "number"
      ? a - b : String(a).localeCompare(String(b), undefined, { numeric: true });
    return up ? less : -less;
  };
  for (const box of document.querySelectorAll("div.table")) {
    const body = box.querySelector("tbody");
    const heads = [...box.querySelectorAll("thead th")];
    heads.forEach((head, column) => {
      const button = head.querySelector("button");
      if (!button) return;
      button.addEventListener("click", () => {
        // Numbers are wanted largest first, words from A.
        const now = head.getAttribute("aria-sort");
        const up = now ? now === "descending" : !head.classList.contains("n");
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        const rows = [...body.rows].map((row) => [key(row, column), row]);
        rows.sort((a, b) => order(a[0], b[0], up));
        body.append(...rows.map((row) => row[1]));
      });
    });
    const input = box.querySelector(".filter input");
    if (!input) continue;
    const told = box.querySelector("output");
    input.addEventListener("input", () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let left = 0;
      for (const row of body.rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
        left += row.hidden ? 0 : 1;
      }
      told.textContent = words.length ? `${left} of ${body.rows.length} lines` : "";
    });
  }
})();
