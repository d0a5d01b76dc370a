import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { transformWithOxc } from 'vite'
import type { Defect } from './defect.ts'

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url))

/** What a process loads in place of the module, or reads in place of the file, at this address. */
export interface Patched {
  readonly url: string
  readonly text: string
}

/** Applies the patches of a defect to what is compiled of the project, in memory only. Throws if the code has changed. */
export async function patched({ name, patches }: Defect): Promise<readonly Patched[]> {
  const texts = new Map<string, string>()
  for (const { file, find, replace } of patches) {
    const text = texts.get(file) ?? readFileSync(join(ROOT, file), 'utf8')
    const parts = text.split(find)
    if (parts.length !== 2)
      throw new Error(
        `the code has changed: adjust the defect "${name}", whose text occurs ${parts.length - 1} times in ${file}: ${find}`,
      )
    texts.set(file, parts.join(replace))
  }
  return await Promise.all(
    [...texts].map(async ([file, text]) => ({
      url: pathToFileURL(join(ROOT, 'dist', file.replace(/\.ts$/, '.js'))).href,
      text: file.endsWith('.ts') ? await compiled(join(ROOT, file), text) : text,
    })),
  )
}

async function compiled(path: string, text: string): Promise<string> {
  const typescript = { rewriteImportExtensions: true, onlyRemoveTypeImports: true }
  return (await transformWithOxc(text, path, { typescript, target: 'es2023', sourcemap: false })).code
}
