import { data } from "./dom.js";
import { choose } from "./rows.js";

choose(...data.start);
