import { reduce } from 'headrace';
import { play } from 'headrace/testing';

const longest = reduce('longest', { init: () => '', reduce: (longest: string, word: { readonly name: string }) => (word.name.length > longest.length ? word.name : longest) });

play(longest, { in: 'to@1 tea@2 |w5 ten@6 three@7 |w9', out: '{key:"",value:tea}@2 {key:"",value:three}@7' });
