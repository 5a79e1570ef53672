export const handler = async (event, context) => {
  const name = event.queryStringParameters?.name ?? 'world';

  console.log(`saying hello to ${name}`);

  return {
    statusCode: 200,
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({
      message: `Hello, ${name}!`,
      function: context.functionName,
    }),
  };
};
