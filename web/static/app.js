// What runs on every page. Each part is an addition: the pages read, post and navigate without any of it.
import "./theme.js";
import "./menus.js";
