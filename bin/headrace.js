#!/bin/sh
":" //; exec node --single-threaded-gc --min-semi-space-size=16 --max-semi-space-size=16 "$0" "$@"
// For the shell the line above replaces it by Node with the flags of runners/node-flags.ts; for Node it is a comment.
import '../dist/runners/headrace.js';
