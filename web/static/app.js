// What runs on every page. Each part is an addition: the pages read, post and navigate without any of it.
import "./theme.js";
import "./menus.js";
import "./desk.js";
import "./writing.js";
import "./player.js";
import "./words.js";
import "./keys.js";
import "./live.js";
import "./passkeys.js";
import "./sharing.js";
import "./navigation.js";
