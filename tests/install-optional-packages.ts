import installOptionalPackages from './optional-packages.js';

// Before the compiler looks at tests that name their types.
await installOptionalPackages();
