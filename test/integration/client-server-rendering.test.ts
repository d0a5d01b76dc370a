import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { expect } from 'chai'
import { build } from 'vite'
import { clientExample } from '../support/client-examples.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

const ENTRIES = {
  react: `
import { createElement } from 'react'
import { renderToString } from 'react-dom/server'
import { useRecalls, useRecallState } from './recalls'
const nothing = () => undefined
export const render = async (client) => renderToString(createElement(() => {
  useRecalls(client, { group: 'lobby' }, nothing, nothing)
  return createElement('p', null, useRecallState(client))
}))
`,
  vue: `
import { createSSRApp, h } from 'vue'
import { renderToString } from 'vue/server-renderer'
import { useRecalls, useRecallState } from './recalls'
export const render = (client) => renderToString(createSSRApp({
  setup() {
    useRecalls(client, { group: 'lobby' }, () => undefined)
    const state = useRecallState(client)
    return () => h('p', state.value.kind)
  },
}))
`,
}

/** Counts what is left behind. */
function countingClient() {
  let open = 0
  const begin = () => {
    open++
    return () => open--
  }
  return {
    state: { kind: 'connecting' },
    on: begin,
    subscribe: () => ({ leave: begin() }),
    get open() {
      return open
    },
  }
}

describe('the functions of CLIENTS.md for components, on a server that renders the page', () => {
  const onCleanUp = cleanUpAfterEach()

  for (const [framework, entry] of Object.entries(ENTRIES)) {
    it(`(${framework}) render, and leave nothing behind`, async () => {
      const folder = temporaryFolder()
      onCleanUp(folder.remove)
      const packages = join(folder.path, 'node_modules')
      mkdirSync(packages)
      for (const name of ['react', 'react-dom', 'vue'])
        symlinkSync(join(ROOT, 'test/node_modules', name), join(packages, name))
      writeFileSync(join(folder.path, 'recalls.ts'), clientExample('ts', `from '${framework}'`))
      writeFileSync(join(folder.path, 'entry.js'), entry)
      writeFileSync(join(folder.path, 'package.json'), '{ "type": "module" }')
      await build({
        configFile: false,
        logLevel: 'error',
        root: folder.path,
        publicDir: false,
        ssr: { noExternal: true },
        build: { ssr: 'entry.js', outDir: 'out' },
      })
      const { render } = (await import(pathToFileURL(join(folder.path, 'out/entry.js')).href)) as {
        render(client: object): Promise<string>
      }
      const client = countingClient()
      expect(await render(client)).to.equal('<p>connecting</p>')
      expect(client.open).to.equal(0)
    })
  }
})
