// Builds the client for pages without a bundler, with all its dependencies: `client.js`, the same under a name that contains
// a hash of its content, and `client.json`, which says that name.
import { createHash } from 'node:crypto'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'vite'

/** The client connects by WebSocket only. Without the other transports of Socket.IO, the file is an eighth smaller. */
function onlyWebSocket() {
  let isDone = false
  return {
    name: 'only-websocket',
    load(id) {
      if (!id.endsWith('/engine.io-client/build/esm/transports/index.js')) return undefined
      isDone = true
      return "import { WS } from './websocket.js'\nexport const transports = { websocket: WS }"
    },
    buildEnd(error) {
      if (!error && !isDone) this.error('engine.io-client has its transports elsewhere now')
    },
  }
}

/** @param {string} root folder of the project */
export async function buildPageClient(root) {
  const folder = join(root, 'dist/server/client')
  const { output } = await build({
    configFile: false,
    logLevel: 'warn',
    root,
    publicDir: false,
    plugins: [onlyWebSocket()],
    build: {
      outDir: folder,
      modulePreload: { polyfill: false },
      rolldownOptions: {
        input: join(root, 'shared/client.ts'),
        // The page imports what the entry exports.
        preserveEntrySignatures: 'strict',
        output: { entryFileNames: 'client-[hash].js' },
      },
    },
  })
  const [{ fileName: file }] = output
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const hash = createHash('sha384')
    .update(readFileSync(join(folder, file)))
    .digest('base64')
  writeFileSync(join(folder, 'client.json'), JSON.stringify({ version, file, integrity: `sha384-${hash}` }))
  cpSync(join(folder, file), join(folder, 'client.js'))
}
