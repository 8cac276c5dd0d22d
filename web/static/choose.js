// Counts the runs that are chosen for a comparison, and stops at the most that it can show.
const form = document.getElementById("runs"), told = document.getElementById("chosen");
if (form) {
  const boxes = [...form.querySelectorAll("input[name=run]")], button = form.querySelector("button");
  const plain = told.textContent, most = Number(plain.match(/\d+/)[0]);
  const tell = () => {
    const count = boxes.filter((box) => box.checked).length;
    for (const box of boxes) box.disabled = count >= most && !box.checked;
    button.disabled = count === 0;
    told.textContent = count === 0 ? plain : `${count} of at most ${most} chosen`;
  };
  form.addEventListener("change", tell);
  addEventListener("pageshow", tell);
}
