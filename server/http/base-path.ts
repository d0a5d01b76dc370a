import type { IncomingMessage } from 'node:http'
import express from 'express'
import type { Router } from 'express'

/**
 * Serves below `basePath` what is served at the root, for proxies that pass a path on unchanged: returns a function that takes
 * it from the target of a request. The root stays served, for proxies that strip the path, and for health checks.
 */
export const stripBasePath =
  (basePath: string) =>
  (request: IncomingMessage): void => {
    if (request.url?.startsWith(`${basePath}/`)) request.url = request.url.slice(basePath.length)
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
