const started = await new Promise((resolve) => setTimeout(resolve, 5, 'yes'));

export const handler = async (event) => ({ started, event });
