// Fetches the live part of the page again every two seconds, unless the switch
// is off or nobody looks.
"use strict";
(() => {
  const live = document.getElementById("live");
  const toggle = document.getElementById("live-switch");
  const note = document.getElementById("live-note");
  if (!live || !toggle) return;
  const every = 2000;

  const say = (text) => {
    if (note.textContent !== text) note.textContent = text;
  };

  const update = async () => {
    const reply = await fetch(live.dataset.src, { credentials: "same-origin" });
    if (reply.status === 401) {
      toggle.checked = false;
      say("You are signed out.");
      return;
    }
    if (!reply.ok) throw new Error(String(reply.status));
    const text = await reply.text();
    if (!toggle.checked) return;
    // Replacing it would take focus and selection away: wait for a better time.
    if (live.contains(document.activeElement)) return;
    live.innerHTML = text; // escaped by the server; scripts don't run from here
    say("");
  };

  const loop = async () => {
    if (toggle.checked && !document.hidden) {
      try {
        await update();
      } catch {
        say("The server does not answer; trying again.");
      }
    }
    setTimeout(loop, every);
  };
  setTimeout(loop, every);
})();
