// The page's one socket: the conversation and the inbox's count share it.

import { RunSocket } from "./socket.js";

export const socket = new RunSocket("/ws/runs/");
