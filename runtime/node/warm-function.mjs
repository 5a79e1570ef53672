/* What warm.cjs calls: an ES module, as its loader takes longest to start. */

export const handler = async (event, context) => {
    console.log('%s', context.awsRequestId, event);
    await null;
    return { statusCode: 200, body: JSON.stringify(event) };
};
