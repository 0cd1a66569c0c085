// Tells, without disturbing what is being read, that something new has arrived.
"use strict";
const fresh = document.querySelector(".fresh");
const newest = Number(document.body.dataset.newest);
setInterval(async () => {
  if (document.hidden || !fresh.hidden || new URLSearchParams(location.search).has("before")) return;
  try {
    const params = new URLSearchParams(location.search);
    params.set("limit", "1");
    const answer = await fetch(`/_control/messages?${params}`);
    const [latest] = (await answer.json()).messages;
    if (latest && latest.id > newest) {
      fresh.href = `/${location.search}`;
      fresh.hidden = false;
    }
  } catch {
    // The server is being restarted; the next look will find it.
  }
}, 3000);
document.querySelector(".bubble.is-chosen")?.scrollIntoView({ block: "nearest" });
