/** Exits with one sentence if this Node is too old. The command line can be run without the scripts that check it before. */
const MIN_VERSION = [20, 19] as const

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < MIN_VERSION[0] || (major === MIN_VERSION[0] && minor < MIN_VERSION[1])) {
  const needed = MIN_VERSION.join('.')
  process.stderr.write(
    `recall-gateway needs Node ${needed} or newer, but this is ${process.versions.node}: install a newer version.\n`,
  )
  process.exit(1)
}

export {}
