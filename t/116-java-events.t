#!/usr/bin/python3
"""Functions compiled against AWS's own interfaces and events, as they are in
Maven's repository: with aws-lambda-java-core in their code, and without."""

import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
import faas_java                                               # noqa: E402
from faas_e2e import Nginx, Tap, skip_all                      # noqa: E402
from faas_provided import ARN, CALLS, built, invoke, must, run  # noqa: E402

POM = '''<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>function</groupId>
  <artifactId>function</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>com.amazonaws</groupId>
      <artifactId>aws-lambda-java-core</artifactId>
      <version>1.4.0</version>
    </dependency>
    <dependency>
      <groupId>com.amazonaws</groupId>
      <artifactId>aws-lambda-java-events</artifactId>
      <version>3.16.1</version>
    </dependency>
  </dependencies>
</project>
'''
SOURCE = '''package example;

import com.amazonaws.services.lambda.runtime.*;
import com.amazonaws.services.lambda.runtime.logging.LogLevel;
import com.amazonaws.services.lambda.runtime.events.*;
import java.io.*;
import java.nio.charset.StandardCharsets;
import java.util.*;
import java.util.stream.Collectors;

public class Events {

    public static class Http implements
        RequestHandler<APIGatewayV2HTTPEvent, APIGatewayV2HTTPResponse>
    {
        public APIGatewayV2HTTPResponse handleRequest(
            APIGatewayV2HTTPEvent e, Context c)
        {
            c.getLogger().log("a line", LogLevel.INFO);
            LambdaRuntime.getLogger().log("another");
            return APIGatewayV2HTTPResponse.builder().withStatusCode(202)
                .withHeaders(Map.of("X-Method",
                    e.getRequestContext().getHttp().getMethod()))
                .withBody(e.getRawPath() + " " + e.getRawQueryString() + " "
                          + e.getQueryStringParameters().get("q"))
                .build();
        }
    }

    public static class Stream implements RequestStreamHandler {
        public void handleRequest(InputStream in, OutputStream out, Context c)
            throws IOException
        {
            out.write(("{\\"arn\\":\\"" + c.getInvokedFunctionArn()
                + "\\",\\"k\\":\\"" + c.getClientContext().getCustom().get("k")
                + "\\",\\"tenant\\":" + c.getTenantId() + ",\\"event\\":")
                .getBytes(StandardCharsets.UTF_8));
            in.transferTo(out);
            out.write('}');
        }
    }

    public SQSBatchResponse queue(SQSEvent e) {
        return new SQSBatchResponse(e.getRecords().stream()
            .filter(m -> m.getBody().equals("bad")
                         && m.getEventSourceArn().endsWith(":q"))
            .map(m -> new SQSBatchResponse.BatchItemFailure(m.getMessageId()))
            .collect(Collectors.toList()));
    }

    public String topic(SNSEvent e) {
        SNSEvent.SNS n = e.getRecords().get(0).getSNS();
        return n.getMessage() + " " + n.getTimestamp().getYear() + " "
            + n.getMessageAttributes().get("a").getValue();
    }

    public String bucket(S3Event e) {
        var r = e.getRecords().get(0);
        return r.getS3().getBucket().getName() + "/"
            + r.getS3().getObject().getUrlDecodedKey() + " "
            + r.getS3().getObject().getSizeAsLong() + " "
            + r.getEventTime().getYear() + " "
            + r.getResponseElements().getxAmzId2();
    }

    public String table(DynamodbEvent e) {
        var d = e.getRecords().get(0).getDynamodb();
        return d.getKeys().get("id").getN() + " "
            + d.getNewImage().get("list").getL().get(0).getS() + " "
            + d.getApproximateCreationDateTime().getTime() + " "
            + e.getRecords().get(0).getEventSourceARN();
    }

    public String stream(KinesisEvent e) {
        var k = e.getRecords().get(0).getKinesis();
        return StandardCharsets.UTF_8.decode(k.getData()) + " "
            + k.getApproximateArrivalTimestamp().getTime();
    }

    public Object schedule(ScheduledEvent e) {
        return List.of(e.getDetailType(), e.getTime().getYear(), e.getDetail());
    }

    public Map<String, Object> authorizer(
        APIGatewayCustomAuthorizerEvent e)
    {
        return IamPolicyResponse.builder().withPrincipalId("me")
            .withPolicyDocument(IamPolicyResponse.PolicyDocument.builder()
                .withVersion(IamPolicyResponse.VERSION_2012_10_17)
                .withStatement(List.of(IamPolicyResponse.allowStatement(
                    e.getMethodArn()))).build()).build().getPolicyDocument();
    }
}
'''
QUEUE = {'Records': [
    {'messageId': i, 'body': i, 'eventSourceARN': 'arn:aws:sqs:r:1:q',
     'attributes': {'SentTimestamp': '1'}, 'messageAttributes': {}}
    for i in ('good', 'bad')]}
TOPIC = {'Records': [{'EventSource': 'aws:sns', 'Sns': {
    'Message': 'hello', 'Timestamp': '2019-01-02T12:45:07.000Z',
    'MessageAttributes': {'a': {'Type': 'String', 'Value': 'b'}}}}]}
BUCKET = {'Records': [{
    'eventTime': '2019-09-03T19:37:27.192Z', 'eventName': 'ObjectCreated:Put',
    'responseElements': {'x-amz-id-2': 'FMy'},
    's3': {'s3SchemaVersion': '1.0', 'bucket': {'name': 'b'},
           'object': {'key': 'a+b%21', 'size': 1305107, 'eTag': 'x'}}}]}
TABLE = {'Records': [{'eventSourceARN': 'arn:t', 'dynamodb': {
    'ApproximateCreationDateTime': 1479499740.5,
    'Keys': {'id': {'N': '101'}},
    'NewImage': {'list': {'L': [{'S': 'text'}]}}}}]}
STREAM = {'Records': [{'kinesis': {
    'data': 'aGVsbG8=', 'approximateArrivalTimestamp': 1545084650.987}}]}
SCHEDULE = {'detail-type': 'Scheduled Event', 'time': '1970-01-01T00:00:00Z',
            'detail': {'a': [1]}}
CASES = [
    ('queue', QUEUE, {'batchItemFailures': [{'itemIdentifier': 'bad'}]}),
    ('topic', TOPIC, 'hello 2019 b'),
    ('bucket', BUCKET, 'b/a b! 1305107 2019 FMy'),
    ('table', TABLE, '101 text 1479499740500 arn:t'),
    ('stream', STREAM, 'hello 1545084650987'),
    ('schedule', SCHEDULE, ['Scheduled Event', 1970, {'a': [1]}]),
]


def build(folder):
    why = run(['mvn', '-q', '-B', 'dependency:copy-dependencies',
               '-DoutputDirectory=with/lib'], folder, seconds=300)
    if why:
        return why
    must(['javac', '--release', '17', '-cp', 'with/lib/*', '-d', 'with',
          'Events.java'], folder)
    shutil.copytree(folder + '/with', folder + '/without')
    for name in os.listdir(folder + '/without/lib'):
        if name.startswith('aws-lambda-java-core'):
            os.unlink(os.path.join(folder, 'without/lib', name))


if faas_java.lacking():
    skip_all(faas_java.lacking())

folder = built('java-events', {'pom.xml': POM, 'Events.java': SOURCE}, build)


def block(name, code, handler):
    return '''
    faas_function %s {
        runtime java; code %s/%s; handler %s; memory 256m; timeout 20s;
    }
''' % (name, folder, code, handler)


HTTP = ''
for code in 'with', 'without':
    HTTP += block('http-' + code, code, 'example.Events$Http')
    HTTP += block('bytes-' + code, code, 'example.Events$Stream')
for name, _, _ in CASES:
    HTTP += block(name, 'without', 'example.Events::' + name)
HTTP += block('authorizer', 'with', 'example.Events::authorizer')

SERVER = CALLS + '''
    location ~ ^/call/(?<name>[a-z-]+) { faas_pass $name; }
'''

with Tap() as tap, Nginx(http=HTTP, server=SERVER) as n:
    for code in 'with', 'without':
        r = n.get('/call/http-%s?q=x%%20y' % code)
        tap.equal((r.status, r.body.decode(), r.headers.get('x-method')),
                  (202, '/call/http-%s q=x%%20y x y' % code, 'GET'),
                  code + ' core: an HTTP event')
        failed, got = invoke(n, 'bytes-' + code, {'a': [1]})
        tap.equal((failed, got),
                  (None, {'arn': ARN + 'bytes-' + code, 'k': 'v',
                          'tenant': None, 'event': {'a': [1]}}),
                  code + ' core: bytes')
    n.wait_log('a line')
    n.wait_log('another')

    for name, event, want in CASES:
        failed, got = invoke(n, name, event)
        got = got.decode() if isinstance(got, bytes) else got
        tap.equal((failed, got), (None, want), 'an event of a ' + name)

    failed, got = invoke(n, 'authorizer', {'methodArn': 'arn:m'})
    tap.equal((failed, got['Statement'][0]['Effect'],
               got['Statement'][0]['Resource']), (None, 'Allow', ['arn:m']),
              'the policy of an authorizer')
    n.finish(tap)
