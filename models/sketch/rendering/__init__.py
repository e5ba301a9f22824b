"""How an arrangement sounds: instruments, drum machines, effects and the mix. Everything is `[2, samples]` at 48 kHz."""
