import { readFileSync } from 'node:fs';

export const handler = async () => typeof readFileSync;
export default { handler: async () => 'by default' };
