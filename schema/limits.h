/* limits.h - the most of everything in our own documents; the CRD and the OpenAPI say the same. */
#pragma once

#define LIMIT_LOGIN_NAME 320        /* bytes of a tailnet login name */
#define LIMIT_ROLE 63               /* bytes of a ClusterRole's name */
#define LIMIT_REASON 256            /* characters of a person's reason */
#define LIMIT_NODE 253              /* bytes of a node's name or id */
#define LIMIT_NAMESPACES 16         /* namespaces of one session */
#define LIMIT_NAMESPACE 63          /* bytes of a namespace's name */
#define LIMIT_RULES 64              /* capability elements of one caller */
#define LIMIT_PERIOD 32             /* bytes of a duration's text */
#define LIMIT_TOKEN 16384           /* bytes of a ServiceAccount token */
#define LIMIT_CREDENTIAL 65536      /* bytes of one ExecCredential */
#define LIMIT_TIMESTAMP 40          /* bytes of an RFC 3339 time */
#define LIMIT_GROUPS 64             /* groups that claims give one caller */
#define LIMIT_GROUP 253             /* bytes of a group's name */
#define LIMIT_SESSIONS 1024         /* sessions that one logout ends */
#define LIMIT_NODE_SESSIONS 16      /* sessions of one person on one device */
#define LIMIT_NODE_SESSIONS_HELD 32 /* the same, with those that are being taken down */
#define LIMIT_WAITERS 2048          /* requests that wait for sessions at once */
#define LIMIT_NEWCOMERS 2048        /* connections through tailscaled that wait to be looked up */
#define LIMIT_STRANGERS 64          /* others that do */
#define LIMIT_SERVER_URL 2048       /* bytes of the API server's address */
#define LIMIT_CA_DATA 65536         /* bytes of a CA bundle in base64 */
#define LIMIT_LABELS 64             /* labels of a cluster */
