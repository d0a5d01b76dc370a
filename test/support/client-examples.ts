import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const CLIENTS = readFileSync(
  fileURLToPath(new URL('../../../shared/CLIENTS.md', import.meta.url)),
  'utf8',
)
const GATEWAY = 'http://127.0.0.1:8080'

/** Returns the example of CLIENTS.md in this language that contains `words`, with the address of a gateway. */
export function clientExample(language: string, words = '', gatewayUrl = GATEWAY): string {
  for (const [, block = ''] of CLIENTS.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, 'gm')))
    if (block.includes(words)) return block.replaceAll(GATEWAY, gatewayUrl)
  throw new Error(`CLIENTS.md has no example in ${language} with ${words}`)
}
