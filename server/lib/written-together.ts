import type { Duplex } from 'node:stream'

/** Whose writes wait for the end of what happens in this turn of the event loop. */
let held: Duplex[] = []

/**
 * Holds back what is written to a socket until everything is done that follows in this turn of the event loop without waiting for
 * anything. All of it then takes one system call, and mostly one packet.
 */
export function writeTogether(socket: Duplex): void {
  socket.cork()
  if (held.push(socket) > 1) return
  // A tick comes after all promises that settle until then, and Socket.IO goes on in one: the second comes after what that
  // begins.
  afterPromises(() => afterPromises(release))
}

const afterPromises = (then: () => void): void => queueMicrotask(() => process.nextTick(then))

function release(): void {
  const sockets = held
  held = []
  for (const socket of sockets) socket.uncork()
}
