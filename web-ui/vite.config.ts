import { defineConfig } from 'vitest/config';

// `base: './'` keeps every address relative to portal.js, so the portal may live under any path.
export default defineConfig({
  base: './',
  publicDir: false,
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: 'es2022',
    sourcemap: false,
    assetsInlineLimit: 0,
    modulePreload: false,
    chunkSizeWarningLimit: 1200,
    rollupOptions: {
      input: 'src/portal.ts',
      output: {
        entryFileNames: 'portal.js',
        chunkFileNames: (chunk) =>
          `chunks/${/src.(map|chart).view/.exec(chunk.facadeModuleId ?? '')?.[1] ?? chunk.name}.js`,
        assetFileNames: (asset) =>
          asset.names.some((name) => name.endsWith('.css')) ? 'portal.css' : 'assets/[name][extname]',
      },
    },
    cssCodeSplit: false,
  },
  worker: {
    format: 'es',
    rollupOptions: { output: { entryFileNames: 'chunks/map-worker.js' } },
  },
  test: { environment: 'happy-dom', include: ['tests/**/*.test.ts'] },
});
