// Two tabs: arrow keys, Home and End move between them, as readers expect.

export function tabs(list, changed) {
  const all = [...list.querySelectorAll("[role=tab]")];
  const select = (chosen, focus) => {
    for (const tab of all) {
      const is = tab === chosen;
      tab.setAttribute("aria-selected", String(is));
      tab.tabIndex = is ? 0 : -1;
      document.getElementById(tab.getAttribute("aria-controls")).hidden = !is;
    }
    if (focus) chosen.focus();
    changed(chosen.id);
  };
  all.forEach((tab, at) => {
    tab.addEventListener("click", () => select(tab));
    tab.addEventListener("keydown", ({ key }) => {
      const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: all.length - 1 }[key];
      if (to !== undefined) select(all.at(to % all.length), true);
    });
  });
}
