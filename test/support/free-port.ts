import { createServer } from 'node:net'

/** Of two processes that test at the same time, each has a half of the ports: neither takes what the other was just given. */
const half = process.env['TEST_PORTS']

/** The system may give a port again before the server that it was for listens there. */
const given = new Set<number>()

/** Returns a port that was free a moment ago, and that this process was not given before. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = await portFromSystem()
    // Linux gives odd ports only, as long as there are any.
    const isOfHalf = half === undefined || (port >> 1) % 2 === Number(half)
    if (!isOfHalf || given.has(port)) continue
    given.add(port)
    return port
  }
}

function portFromSystem(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      server.close(() => resolve(port))
    })
  })
}
