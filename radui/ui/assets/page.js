// The page round the components: theme, and pictures that are dropped on a viewer.
(() => {
  const THEME = "radui-theme";
  const root = document.documentElement;

  function setTheme(theme) {
    root.dataset.theme = theme;
    document.body.classList.toggle("dark", theme === "dark");
  }

  setTheme(localStorage.getItem(THEME) || "dark");

  document.addEventListener("click", (event) => {
    if (!event.target.closest("#rd-theme")) return;
    const theme = root.dataset.theme === "dark" ? "light" : "dark";
    localStorage.setItem(THEME, theme);
    setTheme(theme);
  });

  // Ctrl+Enter in a report presses the button that draws it.
  const DRAWS = { wanted: "draw", changed: "draw-pair" };
  document.addEventListener("keydown", (event) => {
    const field = event.target.closest("#wanted, #changed");
    if (!field || event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    setTimeout(() => document.getElementById(DRAWS[field.id]).click());
  });

  // Gradio's own upload field takes what is dropped on a viewer: its checks and limits apply.
  document.addEventListener("dragover", (event) => {
    if (event.target.closest(".rd-viewer")) event.preventDefault();
  });
  document.addEventListener("drop", (event) => {
    const tab = event.target.closest(".rd-viewer") && event.target.closest(".rd-tab");
    if (!tab) return;
    event.preventDefault(); // a tab that takes no pictures must not be left for the file
    const input = tab.querySelector('.rd-files input[type="file"]');
    if (!input || !event.dataTransfer.files.length) return;
    input.files = event.dataTransfer.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  });
})();
