// Ends the process with one sentence when its Node is too old for the gateway. Loaded before anything else
// (`node --require`), and written so that an old Node still reads it.
var version = process.versions.node.split('.').map(Number)
if (version[0] < 20 || (version[0] === 20 && version[1] < 19)) {
  process.stderr.write(
    'recall-gateway needs Node 20.19 or newer, and this is ' +
      process.versions.node +
      ': install a newer one.\n',
  )
  process.exit(1)
}
