// Keeps the page fresh: fetches the part that changes, and puts in only what did change, so that scroll, focus and
// what is selected stay. Without this script the page reads as well.
(() => {
  const EVERY_MS = 5_000;
  const SLOWEST_MS = 30_000;
  const PATIENCE_MS = 12_000;
  const fresh = document.getElementById("fresh");
  const contact = document.getElementById("contact");
  const live = () => document.getElementById("live");
  document.documentElement.classList.add("js");

  let shownAt = Date.now();
  let wait = EVERY_MS;
  let timer;
  let busy = false;

  function tellAge() {
    if (!live()?.dataset.at) return;
    const seconds = Math.round((Date.now() - shownAt) / 1_000);
    fresh.textContent = seconds < 8 ? "up to date" : `as of ${inWords(seconds)} ago`;
    fresh.classList.toggle("old", seconds >= 20);
  }

  function inWords(seconds) {
    return seconds < 90 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
  }

  function say(text) {
    if (contact.textContent !== text) contact.textContent = text;
  }

  async function refresh() {
    if (busy || document.hidden || !live()?.dataset.at) return;
    busy = true;
    clearTimeout(timer);
    try {
      const answer = await fetch(location.href, {
        headers: { "x-fragment": "1" },
        signal: AbortSignal.timeout(PATIENCE_MS),
      });
      if (answer.status === 401 || answer.status === 403) {
        say("You are signed out. Reload the page to sign in again.");
      } else if (!answer.ok && answer.status !== 404) {
        throw new Error(String(answer.status));
      } else {
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        morph(live(), page.getElementById("live"));
        shownAt = Date.now();
        say("");
      }
      wait = EVERY_MS;
    } catch (error) {
      const clock = new Date(shownAt).toLocaleTimeString();
      say(
        error.message === "503"
          ? `The daemon answers, its database does not. What you see is from ${clock}.`
          : `No contact with the daemon. What you see is from ${clock}.`,
      );
      wait = Math.min(wait * 2, SLOWEST_MS);
    }
    busy = false;
    tellAge();
    if (!document.hidden) timer = setTimeout(refresh, wait);
  }

  const keyOf = (node) => node.dataset?.key || node.id || "";

  /** Makes one node like another, leaving alone what is the same. */
  function morph(here, there) {
    if (here.isEqualNode(there)) return;
    for (const { name } of [...here.attributes])
      if (!there.hasAttribute(name) && name !== "open") here.removeAttribute(name);
    for (const { name, value } of there.attributes)
      if (here.getAttribute(name) !== value) here.setAttribute(name, value);
    const keyed = new Map([...here.children].filter(keyOf).map((child) => [keyOf(child), child]));
    let at = here.firstChild;
    for (const wanted of [...there.childNodes]) {
      const key = wanted.nodeType === 1 ? keyOf(wanted) : "";
      const match = key ? keyed.get(key) : at;
      if (match && isAlike(match, wanted) && (key || !keyOf(match))) {
        if (match !== at) here.insertBefore(match, at);
        else at = at.nextSibling;
        if (wanted.nodeType === 1) morph(match, wanted);
        else if (match.nodeValue !== wanted.nodeValue) match.nodeValue = wanted.nodeValue;
      } else {
        here.insertBefore(document.importNode(wanted, true), at);
      }
    }
    while (at) {
      const next = at.nextSibling;
      at.remove();
      at = next;
    }
  }

  const isAlike = (one, other) => one.nodeType === other.nodeType && one.nodeName === other.nodeName;

  document.addEventListener("click", async (event) => {
    const button = event.target.closest?.("[data-copy]");
    if (!button) return;
    const text = button.parentElement.querySelector("code").textContent;
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      // Without https there is no clipboard: select it instead.
      getSelection().selectAllChildren(button.parentElement.querySelector("code"));
      button.textContent = "Selected";
    }
    setTimeout(() => {
      button.textContent = "Copy";
    }, 2_000);
  });
  document.addEventListener("visibilitychange", refresh);
  addEventListener("online", refresh);
  setInterval(tellAge, 1_000);
  tellAge();
  timer = setTimeout(refresh, EVERY_MS);
})();
