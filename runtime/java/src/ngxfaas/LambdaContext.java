/* What a function is told of an invocation. */

package ngxfaas;

import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

import com.amazonaws.services.lambda.runtime.Client;
import com.amazonaws.services.lambda.runtime.ClientContext;
import com.amazonaws.services.lambda.runtime.CognitoIdentity;
import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.LambdaLogger;

final class LambdaContext implements Context {

    private final Settings settings;
    private final long deadline;
    private final String id, arn, trace;
    private final ClientContext client;
    private final CognitoIdentity identity;


    /* of the bytes and numbers of Native.next() */

    LambdaContext(Settings settings, byte[] all, long[] n) {
        int at = (int) n[Native.EVENT];

        this.settings = settings;
        deadline = n[Native.DEADLINE];
        id = text(all, at, n[Native.ID]);
        at += (int) n[Native.ID];
        arn = text(all, at, n[Native.ARN]);
        at += (int) n[Native.ARN];
        trace = text(all, at, n[Native.TRACE]);
        at += (int) n[Native.TRACE];
        client = n[Native.CLIENT] == 0 ? null : new CallingClient(
            members("ClientContext", all, at, n[Native.CLIENT]));
        at += (int) n[Native.CLIENT];
        identity = n[Native.IDENTITY] == 0 ? null : new Identity(
            members("CognitoIdentity", all, at, n[Native.IDENTITY]));
    }


    private static String text(byte[] all, int at, long length) {
        return length == 0 ? null : new String(all, at, (int) length,
                                               StandardCharsets.UTF_8);
    }


    private static Map<?, ?> members(String what, byte[] all, int at,
        long length)
    {
        try {
            return map(JsonReader.read(all, at, (int) length, false));
        } catch (JsonException e) {
            throw new JsonException("cannot parse " + what + ": "
                                    + e.getMessage());
        }
    }


    /* A client may send anything in the place of an object. */

    static Map<?, ?> map(Object o) {
        return o instanceof Map ? (Map<?, ?>) o : Map.of();
    }


    static String string(Map<?, ?> map, String name) {
        Object value = map.get(name);

        return value == null ? null : value.toString();
    }


    String trace() {
        return trace;
    }


    @Override
    public String getAwsRequestId() {
        return id;
    }


    @Override
    public String getLogGroupName() {
        return settings.logGroup;
    }


    @Override
    public String getLogStreamName() {
        return settings.logStream;
    }


    @Override
    public String getFunctionName() {
        return settings.name;
    }


    @Override
    public String getFunctionVersion() {
        return settings.version;
    }


    @Override
    public String getInvokedFunctionArn() {
        return arn;
    }


    @Override
    public CognitoIdentity getIdentity() {
        return identity;
    }


    @Override
    public ClientContext getClientContext() {
        return client;
    }


    /* Never below 0: on Lambda nobody is there to ask after the deadline. */

    @Override
    public int getRemainingTimeInMillis() {
        long left = deadline - System.currentTimeMillis();

        return (int) Math.max(0, Math.min(left, Integer.MAX_VALUE));
    }


    @Override
    public int getMemoryLimitInMB() {
        return settings.memory;
    }


    @Override
    public LambdaLogger getLogger() {
        return Log.log;
    }


    @Override
    public String getXrayTraceId() {
        return trace;
    }


    private static final class Identity implements CognitoIdentity {
        private final Map<?, ?> json;

        Identity(Map<?, ?> json) {
            this.json = json;
        }


        @Override
        public String getIdentityId() {
            return string(json, "cognitoIdentityId");
        }


        @Override
        public String getIdentityPoolId() {
            return string(json, "cognitoIdentityPoolId");
        }
    }


    /* Both interfaces by one object, which most functions never ask for. */

    private static final class CallingClient implements ClientContext, Client {
        private final Map<?, ?> json, client;

        CallingClient(Map<?, ?> json) {
            this.json = json;
            this.client = map(json.get("client"));
        }


        /* null if the caller sent none */

        private Map<String, String> strings(String name) {
            if (!(json.get(name) instanceof Map)) {
                return null;
            }

            Map<String, String> all = new HashMap<>();

            map(json.get(name)).forEach((key, value) -> all.put(
                (String) key, value == null ? null : value.toString()));

            return all;
        }


        @Override
        public Client getClient() {
            return json.get("client") == null ? null : this;
        }


        @Override
        public Map<String, String> getCustom() {
            return strings("custom");
        }


        @Override
        public Map<String, String> getEnvironment() {
            return strings("env");
        }


        @Override
        public String getInstallationId() {
            return string(client, "installation_id");
        }


        @Override
        public String getAppTitle() {
            return string(client, "app_title");
        }


        @Override
        public String getAppVersionName() {
            return string(client, "app_version_name");
        }


        @Override
        public String getAppVersionCode() {
            return string(client, "app_version_code");
        }


        @Override
        public String getAppPackageName() {
            return string(client, "app_package_name");
        }
    }
}
