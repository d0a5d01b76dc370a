// Exits with one sentence if this Node is too old for the gateway. Loaded before anything else (`node --require`), and
// written in a syntax that an old Node can parse.
var version = process.versions.node.split('.').map(Number)
if (version[0] < 20 || (version[0] === 20 && version[1] < 19)) {
  process.stderr.write(
    'recall-gateway needs Node 20.19 or newer, but this is ' +
      process.versions.node +
      ': install a newer version.\n',
  )
  process.exit(1)
}
