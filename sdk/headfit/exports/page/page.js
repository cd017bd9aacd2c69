/** The page: a camera or a picture, and what the head says of it. */

import { Recogniser } from "./recogniser.js";

const SHOWN = 10; // classes, the most probable ones

const [state, place, view, camera, file, answer, classes] = [
  "state", "place", "picture", "camera", "file", "answer", "classes",
].map((id) => document.getElementById(id));
const tile = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
const video = document.createElement("video");
video.muted = true;
video.playsInline = true;
let recogniser;
let turn = 0; // counts what is asked for, so that what was asked before gives way

async function open() {
  recogniser = await Recogniser.open(async (name) => {
    const response = await fetch(name);
    if (!response.ok) throw new Error(`${name}: the server says ${response.status}; copy the whole folder`);
    return response.arrayBuffer();
  });
  document.title = `${recogniser.classes.join(", ")}?`;
  sayClasses();
  place.hidden = false;
}

/** Show a picture or a frame, and what it is. */
function look(image, width, height) {
  view.width = Math.min(width, 1280);
  view.height = Math.max(Math.round((height * view.width) / width), 1);
  view.getContext("2d").drawImage(image, 0, 0, view.width, view.height);
  show(recogniser.recognise(width, height, (x, y, w, h) => {
    [tile.canvas.width, tile.canvas.height] = [w, h]; // which also makes it blank
    tile.drawImage(image, x, y, w, h, 0, 0, w, h);
    return tile.getImageData(0, 0, w, h, { colorSpace: "srgb" }).data;
  }));
}

function show({ probabilities, isKnown }) {
  const order = probabilities.map((_, i) => i).sort((a, b) => probabilities[b] - probabilities[a] || a - b);
  answer.textContent = isKnown ? recogniser.classes[order[0]] : "None of these";
  classes.classList.toggle("unknown", !isKnown);
  classes.replaceChildren(...order.slice(0, SHOWN).map((i) => {
    const row = document.createElement("li");
    const meter = document.createElement("meter");
    meter.value = probabilities[i];
    row.append(text(recogniser.classes[i]), meter, text(`${(100 * probabilities[i]).toFixed(1)} %`));
    return row;
  }));
}

function text(words) {
  const span = document.createElement("span");
  span.textContent = words;
  return span;
}

async function lookAtFile(blob) {
  stopCamera();
  const mine = turn;
  let image;
  try {
    image = await createImageBitmap(blob, { imageOrientation: "from-image" });
  } catch {
    return say(`${blob.name ?? "This"} is no picture that this browser can read.`);
  }
  try {
    if (mine === turn) look(image, image.width, image.height);
  } catch (error) {
    say(error.message);
  } finally {
    image.close();
  }
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

function sayClasses() {
  state.classList.remove("fault");
  state.textContent = `It tells apart: ${recogniser.classes.join(", ")}.`;
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
