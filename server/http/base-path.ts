import type { IncomingMessage } from 'node:http'
import express from 'express'
import type { Router } from 'express'
import { normalizePath } from '../lib/path.ts'

/**
 * Serves below `basePath` what is served at the root, for proxies that pass a path on unchanged: returns a function that takes
 * it from the target of a request. The root stays served, for proxies that strip the path, and for health checks.
 */
export const stripBasePath =
  (basePath: string) =>
  (request: IncomingMessage): void => {
    const { url = '' } = request
    if (url.startsWith(`${basePath}/`)) {
      request.url = url.slice(basePath.length)
      return
    }
    const [, path = '', query = ''] = /^([^?]*)(.*)$/s.exec(url) ?? []
    const normal = normalizePath(path)
    // In the usual spelling it does not begin with the base path.
    if (normal === path || !normal.startsWith(`${basePath}/`)) return
    request.url = normal.slice(basePath.length).split('/').map(encodeURIComponent).join('/') + query
  }

/**
 * Redirects each of these paths to the folder of the same name, where its pages' relative links start. The redirect is relative
 * too, because a proxy may have stripped a path.
 */
export function redirectToFolders(paths: readonly string[]): Router {
  const router = express.Router({ strict: true })
  for (const path of paths) {
    router.get(path, (request, response) => {
      const [, query = ''] = /(\?.*)?$/s.exec(request.originalUrl) ?? []
      response.redirect(308, `${path.slice(path.lastIndexOf('/') + 1)}/${query}`)
    })
  }
  return router
}
