/** The page: a camera or a picture, what a head says of it, and teaching one of one's own. */

import { Recogniser } from "./recogniser.js";
import { Teacher } from "./teaching.js";

const SHOWN = 10; // classes, the most probable ones
const PAUSE_MS = 100; // between two pictures of a held button, so that they differ

const byId = Object.fromEntries([...document.querySelectorAll("[id]")].map((element) => [element.id, element]));
const { state, place, picture, camera, file, answer, classes, things, name, save, other, lesson } = byId;
const tile = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
const video = document.createElement("video");
video.muted = true;
video.playsInline = true;
let recogniser; // what the page came with
let teacher; // what is taught here
let current; // the head that answers
let asTaught = true; // whether that is what was taught here, once it can tell things apart
let unsaved = false;
let recording; // the name of the thing whose button is held
let recorded = 0; // when it got its last picture
let turn = 0; // counts what is asked for, so that what was asked before gives way

async function open() {
  recogniser = await Recogniser.open(async (name) => {
    const response = await fetch(name, { cache: "no-cache" }); // asks whether it changed
    if (!response.ok) throw new Error(`${name}: the server says ${response.status}; copy the whole folder`);
    return response.arrayBuffer();
  });
  teacher = new Teacher(recogniser.head);
  current = recogniser.head;
  document.title = `${recogniser.classes.join(", ")}?`;
  sayClasses();
  place.hidden = false;
}

/** Return how the parts of an image are read. */
function reader(image) {
  return (x, y, w, h) => {
    [tile.canvas.width, tile.canvas.height] = [w, h]; // which also makes it blank
    tile.drawImage(image, x, y, w, h, 0, 0, w, h);
    return tile.getImageData(0, 0, w, h, { colorSpace: "srgb" }).data;
  };
}

/** Show a picture or a frame, and what it is. */
function look(image, width, height) {
  const scale = Math.min(1, 1280 / Math.max(width, height));
  [picture.width, picture.height] = [width, height].map((n) => Math.max(Math.round(n * scale), 1));
  picture.getContext("2d").drawImage(image, 0, 0, picture.width, picture.height);
  const { embedding, isBlank } = recogniser.embed(width, height, reader(image));
  if (recording !== undefined && performance.now() - recorded >= PAUSE_MS) {
    recorded = performance.now();
    teach(recording, embedding);
  }
  show(current.answer(embedding, isBlank));
}

function show({ probabilities, isShown, isKnown }) {
  const order = probabilities.map((_, i) => i).sort((a, b) => probabilities[b] - probabilities[a] || a - b);
  answer.textContent = order.filter((i) => isShown[i]).map((i) => current.classes[i]).join(", ") || "None of these";
  classes.classList.toggle("unknown", !isKnown);
  classes.replaceChildren(...order.slice(0, SHOWN).map((i) => {
    const row = document.createElement("li");
    row.classList.toggle("shown", isShown[i]);
    const meter = document.createElement("meter");
    meter.value = probabilities[i];
    row.append(text(current.classes[i]), meter, text(`${(100 * probabilities[i]).toFixed(1)} %`));
    return row;
  }));
}

function text(words) {
  const span = document.createElement("span");
  span.textContent = words;
  return span;
}

/** Give a picture of a file to `use(image)`; what cannot be read is said. */
async function withPicture(blob, use) {
  let image;
  try {
    image = await createImageBitmap(blob, { imageOrientation: "from-image" });
  } catch {
    return say(`${blob.name ?? "This"} is no picture that this browser can read.`);
  }
  try {
    use(image);
  } catch (error) {
    say(error.message);
  } finally {
    image.close();
  }
}

async function lookAtFile(blob) {
  stopCamera();
  const mine = turn;
  answer.textContent = ""; // of the last picture
  classes.replaceChildren();
  picture.width = picture.width; // which also makes it blank
  state.textContent = "Looking ...";
  await new Promise(requestAnimationFrame);
  await withPicture(blob, (image) => mine === turn && look(image, image.width, image.height));
  if (mine === turn && !state.classList.contains("fault")) sayClasses();
}

async function startCamera() {
  stopCamera();
  const mine = turn;
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" }, audio: false });
  } catch (error) {
    return say(`The camera cannot be used: ${error.message}.`);
  }
  if (mine !== turn) return stream.getTracks().forEach((track) => track.stop());
  video.srcObject = stream;
  camera.setAttribute("aria-pressed", "true");
  camera.textContent = "Stop the camera";
  try {
    await video.play();
  } catch (error) {
    if (mine === turn) stopCamera();
    return say(`The camera cannot be used: ${error.message}.`);
  }
  requestAnimationFrame(function next() {
    if (mine !== turn) return;
    try {
      if (video.videoWidth) look(video, video.videoWidth, video.videoHeight);
    } catch (error) {
      stopCamera();
      return say(error.message);
    }
    requestAnimationFrame(next);
  });
}

function stopCamera() {
  turn++;
  sayClasses();
  video.srcObject?.getTracks().forEach((track) => track.stop());
  video.srcObject = null;
  camera.setAttribute("aria-pressed", "false");
  camera.textContent = "Use the camera";
}

function teach(thing, embedding) {
  if (!teacher.examples.has(thing)) return; // forgotten meanwhile
  teacher.add(thing, embedding);
  [asTaught, unsaved] = [true, true];
  showLesson();
}

function showLesson() {
  current = teacher.canTell && asTaught ? teacher.head() : recogniser.head;
  other.hidden = !teacher.canTell;
  other.textContent = asTaught ? "Use what it came with" : "Use what was taught";
  save.disabled = !teacher.mayLeave;
  for (const row of things.children) row.querySelector("output").textContent = counted(teacher.count(row.thing));
  const few = teacher.classes.filter((thing) => teacher.count(thing) < 3);
  lesson.textContent = !teacher.classes.length
    ? ""
    : !teacher.canTell
      ? "It answers as soon as two things have a picture each."
      : few.length
        ? `Before it can be saved, show more of ${few.join(", ")}: a file made of fewer than three pictures gives them away.`
        : "";
  sayClasses();
}

const counted = (n) => (n === 1 ? "1 picture" : `${n} pictures`);

/** A row of a thing that is taught: its name, its pictures, and three ways with it. */
function addThing(thing) {
  if (!thing) return void (lesson.textContent = "Give it a name first.");
  if (teacher.examples.has(thing)) return void (lesson.textContent = `${thing} is there already.`);
  teacher.open(thing);
  const row = document.createElement("li");
  row.thing = thing;
  const hold = document.createElement("button");
  hold.type = "button";
  hold.textContent = "Hold to show it";
  hold.addEventListener("pointerdown", (event) => {
    hold.setPointerCapture(event.pointerId);
    startRecording(thing);
  });
  for (const end of ["pointerup", "pointercancel", "blur"]) hold.addEventListener(end, stopRecording);
  hold.addEventListener("keydown", (event) => [" ", "Enter"].includes(event.key) && !event.repeat && startRecording(thing));
  hold.addEventListener("keyup", stopRecording);
  const label = document.createElement("label");
  label.className = "button";
  const files = document.createElement("input");
  files.type = "file";
  files.accept = "image/*";
  files.multiple = true;
  files.addEventListener("change", async () => {
    const chosen = [...files.files];
    files.value = "";
    for (const one of chosen)
      await withPicture(one, (image) => teach(thing, recogniser.embed(image.width, image.height, reader(image)).embedding));
  });
  label.append("Choose pictures", files);
  const forget = document.createElement("button");
  forget.type = "button";
  forget.textContent = "Forget";
  forget.addEventListener("click", () => {
    if (teacher.count(thing) && !confirm(`Forget ${thing} and its ${counted(teacher.count(thing))}?`)) return;
    teacher.forget(thing);
    row.remove();
    showLesson();
  });
  row.append(text(thing), document.createElement("output"), hold, label, forget);
  things.append(row);
  showLesson();
}

function startRecording(thing) {
  recording = thing;
  recorded = 0;
  if (!video.srcObject) startCamera();
}

function stopRecording() {
  recording = undefined;
}

function sayClasses() {
  state.classList.remove("fault");
  const does = current.isMultiLabel ? "It looks for" : "It tells apart";
  state.textContent = `${does}: ${current.classes.join(", ")}${current === recogniser.head ? "" : ", as taught here"}.`;
}

function say(fault) {
  state.classList.add("fault");
  state.textContent = fault;
}

camera.addEventListener("click", () => (video.srcObject ? stopCamera() : startCamera()));
file.addEventListener("change", () => {
  const [chosen] = file.files;
  file.value = ""; // so that the same one can be chosen again
  if (chosen) lookAtFile(chosen);
});
byId.new.addEventListener("submit", (event) => {
  event.preventDefault();
  addThing(Teacher.nameOf(name.value));
  name.value = "";
});
save.addEventListener("click", () => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify(teacher.json())], { type: "application/json" }));
  link.download = "head.json";
  link.click();
  unsaved = false;
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
});
other.addEventListener("click", () => {
  asTaught = !asTaught;
  showLesson();
});
addEventListener("beforeunload", (event) => unsaved && event.preventDefault());
addEventListener("dragover", (event) => {
  event.preventDefault();
  place.classList.add("dropping");
});
addEventListener("dragleave", () => place.classList.remove("dropping"));
addEventListener("drop", (event) => {
  event.preventDefault();
  place.classList.remove("dropping");
  const [dropped] = event.dataTransfer.files;
  if (dropped && recogniser) lookAtFile(dropped);
});
open().catch((error) => say(`This page cannot recognise anything: ${error.message}`));
