FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Native code comes prebuilt, so no package needs to run an install script.
RUN npm ci --ignore-scripts
COPY tsconfig.json LICENSE ./
# The gateway serves these documents too.
COPY README.md ARCHITECTURE.md CHANGELOG.md CONTRIBUTING.md PERFORMANCE.md SECURITY.md ./
COPY shared ./shared
COPY server ./server
# The checkout may be readable by its owner only (umask 077), and COPY keeps that; the gateway runs as another user.
RUN npm run build && npm prune --omit=dev --ignore-scripts && chmod -R a+rX /app

FROM node:24-bookworm-slim
ENV NODE_ENV=production DATA_DIR=/data
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist/server ./dist/server
COPY --from=build /app/dist/shared ./dist/shared
# Before VOLUME, so that a new volume belongs to the user too.
RUN mkdir /data && chown node:node /data
VOLUME /data
# `node`, as a number: Kubernetes cannot tell from a name that it is not root. Any other user will do, if it may write to /data.
USER 1000
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=120s --retries=3 \
  CMD ["node", "-e", "const { TLS_CERT, HOST = '', PORT } = process.env; const host = ['', '0.0.0.0', '::'].includes(HOST) ? '127.0.0.1' : HOST.includes(':') ? `[${HOST}]` : HOST; process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'; fetch(`${TLS_CERT ? 'https' : 'http'}://${host}:${PORT || 8080}/livez`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "dist/server/main.js", "start"]
