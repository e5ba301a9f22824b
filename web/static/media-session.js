// The system's own controls: media keys, headsets, lock screens.

export function tellSystem(entry) {
  if (!("mediaSession" in navigator)) return;
  const address = (name) => new URL(`${entry.href}/${name}`, location.href).href;
  const artwork = [
    { src: address("thumbnail"), sizes: "384x384" },
    { src: address("cover"), sizes: "1024x1024" },
  ];
  navigator.mediaSession.metadata = new MediaMetadata({ title: entry.title, artist: entry.by, artwork });
}

export function tellPosition(position, duration, playing) {
  if (!("mediaSession" in navigator)) return;
  navigator.mediaSession.playbackState = playing ? "playing" : "paused";
  if (duration > 0) {
    navigator.mediaSession.setPositionState({ duration, position: Math.min(position, duration), playbackRate: 1 });
  }
}

export function obeySystem({ play, pause, next, previous, seek, time }) {
  if (!("mediaSession" in navigator)) return;
  const actions = {
    play,
    pause,
    nexttrack: next,
    previoustrack: previous,
    seekto: (event) => seek(event.seekTime),
    seekforward: (event) => seek(time() + (event.seekOffset ?? 10)),
    seekbackward: (event) => seek(time() - (event.seekOffset ?? 10)),
  };
  for (const [name, action] of Object.entries(actions)) {
    try {
      navigator.mediaSession.setActionHandler(name, action);
    } catch {
      // This browser does not know this action.
    }
  }
}
