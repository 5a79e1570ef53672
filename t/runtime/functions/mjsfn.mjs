const started = await Promise.resolve('yes');

export const handler = async (event) => ({ started, event });
