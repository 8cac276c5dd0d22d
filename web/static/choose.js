// Counts the runs selected for a comparison and stops at the limit.
const form = document.getElementById("runs"), label = document.getElementById("chosen");
if (form) {
  const boxes = [...form.querySelectorAll("input[name=run]")], button = form.querySelector("button");
  const plain = label.textContent, most = Number(plain.match(/\d+/)[0]);
  const update = () => {
    const count = boxes.filter((box) => box.checked).length;
    for (const box of boxes) box.disabled = count >= most && !box.checked;
    button.disabled = count === 0;
    label.textContent = count === 0 ? plain : `${count} of at most ${most} selected`;
  };
  form.addEventListener("change", update);
  addEventListener("pageshow", update);
}
