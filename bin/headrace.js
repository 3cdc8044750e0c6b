#!/usr/bin/env -S node --single-threaded-gc --min-semi-space-size=16 --max-semi-space-size=32
// The flags are those of runners/node-flags.ts.
import '../dist/runners/headrace.js';
