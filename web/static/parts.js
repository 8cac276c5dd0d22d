// Parts of a page that cost time are fetched when they come near the view; without this script a link leads to each.
export function loadParts(root) {
  const watcher = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      watcher.unobserve(target);
      load(target);
    }
  }, { rootMargin: "400px" });
  for (const place of root.querySelectorAll("[data-part]")) watcher.observe(place);
}

async function load(place) {
  try {
    const response = await fetch(place.dataset.part, { headers: { Accept: "text/html" } });
    if (!response.ok) return;  // its link stays
    place.innerHTML = await response.text();
    place.classList.add("stack-l");
  } catch { /* its link stays */ }
}
