'use strict';

/* Logger and metrics of Powertools. */

const { Logger } = require('@aws-lambda-powertools/logger');
const { Metrics, MetricUnit } = require('@aws-lambda-powertools/metrics');

const logger = new Logger({ serviceName: 'shop' });
const metrics = new Metrics({ namespace: 'Shop', serviceName: 'shop' });


exports.handler = async (event, context) => {
    logger.addContext(context);
    logger.appendKeys({ path: event.rawPath || event.path });
    metrics.captureColdStartMetric();
    metrics.addDimension('route', event.routeKey || event.resource || 'none');
    metrics.addMetric('orders', MetricUnit.Count, 3);

    logger.info('an order', { items: [1, 2] });

    try {
        throw new TypeError('not found');
    } catch (error) {
        logger.error('it failed', error);
    }

    metrics.publishStoredMetrics();

    return {
        statusCode: 200,
        body: JSON.stringify({ id: context.awsRequestId,
                               name: context.functionName }),
    };
};
