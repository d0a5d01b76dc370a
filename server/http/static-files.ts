import express from 'express'
import type { RequestHandler, Router } from 'express'
import helmet from 'helmet'
import { redirectToFolders } from './base-path.ts'
import { askAgainFor } from './other-version.ts'
import { servePrecompressed } from './precompressed.ts'

const HASHED_CLIENT = /^\/client-[\w-]{8}\.js$/

/**
 * Serves the client to pages of any origin, because the credential decides what it may do: at `/client.js`, and at a name with
 * a hash of its content, which `/client.json` says.
 */
export function serveClientScript(): Router {
  const router = express.Router()
  const serve = [
    { path: ['/client.js', '/client.json'], files: servePrecompressed('client', { immutable: false }) },
    { path: HASHED_CLIENT, files: servePrecompressed('client', { immutable: true }) },
  ]
  for (const { path, files } of serve) {
    router.get(path, (request, response, next) => {
      response.set('Access-Control-Allow-Origin', '*').set('Cross-Origin-Resource-Policy', 'cross-origin')
      response.set('X-Content-Type-Options', 'nosniff')
      files(request, response, next)
    })
  }
  router.get(HASHED_CLIENT, askAgainFor())
  return router
}

/** Serves the console at `/`. Its policy allows only the gateway's own scripts and connections, like that of the documents. */
export function serveConsole(): Router {
  const router = express.Router()
  router.use(ownPagesOnly())
  // The names of built assets contain a hash of their content.
  router.use('/assets', servePrecompressed('page/assets', { immutable: true }))
  router.get(/^\/assets\/[\w-]+-[\w-]{8}\.[a-z]+$/, askAgainFor())
  router.use(servePrecompressed('page', { immutable: false }))
  return router
}

/** Serves the documents at `/docs`: also where there is no console, because alerts lead to the runbook. */
export function serveDocuments(): Router {
  const router = express.Router()
  router.use('/docs', ownPagesOnly())
  // Redirects of `static` are absolute, which is wrong below a path that a proxy stripped.
  router.use(redirectToFolders(['/docs']))
  router.use('/docs', servePrecompressed('docs', { immutable: false }))
  return router
}

const ownPagesOnly = (): RequestHandler =>
  helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'"],
        connectSrc: ["'self'"],
        baseUri: ["'none'"],
        formAction: ["'none'"],
        frameAncestors: ["'none'"],
      },
    },
    // The gateway may be used without TLS on a private network. A proxy that terminates TLS sets this header.
    strictTransportSecurity: false,
    referrerPolicy: { policy: 'no-referrer' },
  })
