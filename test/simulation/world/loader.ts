import { register } from 'node:module'

/** Makes imports of the package lmdb load the one on a disk in memory. */
export function replacePackages(): void {
  const target = JSON.stringify(new URL('./lmdb.js', import.meta.url).href)
  const hooks = `export const resolve = (specifier, context, next) =>
    specifier === 'lmdb' ? { url: ${target}, shortCircuit: true } : next(specifier, context)`
  register(`data:text/javascript,${encodeURIComponent(hooks)}`)
}
