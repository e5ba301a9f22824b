// What plays now and what plays next: the list in which somebody pressed play, in its order or shuffled.

const MOST = 500; // songs, as web.pages.player takes them

export class Queue {
  entries = [];
  // Places in `entries` in the order in which they play, and how far in that order we are.
  order = [];
  at = 0;
  shuffled = false;
  repeat = "off"; // or "all" of the queue, or "one" song

  get current() {
    return this.entries[this.order[this.at]];
  }

  get inOrder() {
    return this.order.map((place) => this.entries[place]);
  }

  // Take over a list of songs and begin with the one called `id`.
  fill(all, id) {
    const around = all.findIndex((entry) => entry.id === id) - MOST / 2;
    const from = Math.max(0, Math.min(around, all.length - MOST));
    const entries = all.slice(from, from + MOST);
    this.entries = entries;
    const place = Math.max(0, entries.findIndex((entry) => entry.id === id));
    this.order = entries.map((_, index) => index);
    this.at = place;
    if (this.shuffled) this.shuffle(true);
  }

  // Shuffled, the present song comes first and everything else follows by chance, each song once.
  shuffle(on) {
    const place = this.order[this.at];
    this.shuffled = on;
    this.order = this.entries.map((_, index) => index);
    if (on) {
      const rest = this.order.filter((index) => index !== place);
      for (let last = rest.length - 1; last > 0; last--) {
        const other = Math.floor(Math.random() * (last + 1));
        [rest[last], rest[other]] = [rest[other], rest[last]];
      }
      this.order = place === undefined ? rest : [place, ...rest];
    }
    this.at = Math.max(0, this.order.indexOf(place));
  }

  // Go on by `step` songs; false where there is none. Where all is repeated, the end leads to the beginning.
  move(step) {
    const wanted = this.at + step;
    if (!this.order.length) return false;
    if (wanted >= 0 && wanted < this.order.length) this.at = wanted;
    else if (this.repeat === "all") this.at = (wanted + this.order.length) % this.order.length;
    else return false;
    return true;
  }

  // From off to all, to one, and off again.
  nextRepeat() {
    this.repeat = { off: "all", all: "one", one: "off" }[this.repeat];
  }

  jump(position) {
    this.at = position;
  }

  // Take one song out; the present one stays.
  remove(position) {
    if (position === this.at) return;
    const [place] = this.order.splice(position, 1);
    this.entries.splice(place, 1);
    this.order = this.order.map((index) => (index > place ? index - 1 : index));
    if (position < this.at) this.at -= 1;
  }

  // Put a song in: right after the present one, or at the end. A song is in the queue once; it moves where it was there.
  // False where nothing plays yet, so that it is to be begun.
  add(entry, next) {
    if (!this.order.length) {
      this.fill([entry], entry.id);
      return false;
    }
    if (entry.id === this.current.id) return true;
    const known = this.order.findIndex((place) => this.entries[place].id === entry.id);
    if (known >= 0) {
      this.moveTo(known, next ? this.at + (known > this.at) : this.order.length - 1);
      return true;
    }
    // A full queue lets go of what has been, or of what would be the last.
    if (this.order.length === MOST) this.remove(this.at ? 0 : MOST - 1);
    this.entries.push(entry);
    this.order.splice(next ? this.at + 1 : this.order.length, 0, this.entries.length - 1);
    return true;
  }

  // Move the song at one position to another; what plays goes on playing.
  moveTo(from, to) {
    const present = this.order[this.at];
    const [place] = this.order.splice(from, 1);
    this.order.splice(to, 0, place);
    this.at = this.order.indexOf(present);
  }

  // Drop everything that would come after the present song.
  clearNext() {
    const kept = this.order.slice(0, this.at + 1);
    const entries = kept.map((place) => this.entries[place]);
    this.entries = entries;
    this.order = entries.map((_, index) => index);
  }

  save() {
    const { entries, order, at, shuffled, repeat } = this;
    return { entries, order, at, shuffled, repeat };
  }

  // Before there was a third way to repeat, it was on or off.
  restore(saved) {
    Object.assign(this, saved, { repeat: { true: "all", false: "off" }[saved.repeat] ?? saved.repeat });
  }
}
