import { register } from 'node:module'

/** Makes imports of the package lmdb, and of the module that opens files, load those on disks in memory. */
export function replacePackages(): void {
  const target = (file: string): string => JSON.stringify(new URL(file, import.meta.url).href)
  const hooks = `
    const files = new URL('../../../server/lib/disk.js', ${JSON.stringify(import.meta.url)}).href
    export async function resolve(specifier, context, next) {
      if (specifier === 'lmdb') return { url: ${target('./lmdb.js')}, shortCircuit: true }
      if (!specifier.endsWith('/disk.js')) return next(specifier, context)
      const resolved = await next(specifier, context)
      return resolved.url === files ? { ...resolved, url: ${target('./disk.js')} } : resolved
    }`
  register(`data:text/javascript,${encodeURIComponent(hooks)}`)
}
