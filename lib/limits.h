/* limits.h - the most of everything that comes from outside. */
#pragma once

#define LIMIT_HTTP_TARGET 8192           /* bytes of a request target: 414 above */
#define LIMIT_HTTP_HEAD 16384            /* bytes of a request head: 431 above */
#define LIMIT_HTTP_HEADERS 64            /* header lines: 431 above */
#define LIMIT_HTTP_BODY 65536            /* bytes of a request body: 413 above */
#define LIMIT_HTTP_CONNECTIONS 4096      /* open at once on one listener */
#define LIMIT_HTTP_PEER_CONNECTIONS 256  /* open at once of one peer */
#define LIMIT_HTTP_HELD (16 << 20)       /* bytes of requests that are here and not answered */
#define LIMIT_HTTP_HELD_SMALL 4096       /* a request up to this is taken also above that */
#define LIMIT_HTTP_THROWN_AWAY (1 << 20) /* bytes read after the answer, so that it is read */
#define LIMIT_HTTP_READ_MS 10000         /* head and body together: 408 after */
#define LIMIT_HTTP_IDLE_MS 120000        /* between two requests of one connection */
#define LIMIT_HTTP_WRITE_MS 20000        /* a client that does not read its answer */

#define LIMIT_HTTP_ANSWER_HEAD 65536 /* bytes of the head of an answer to us */
#define LIMIT_STREAM_UNREAD 65536    /* bytes of a stream kept unread before its sender must wait */

#define LIMIT_KUBE_ANSWER (64 << 20) /* bytes of one answer of the API server (a list of all) */
/* One object: 1.5 MB in etcd, of which JSON may make six times as much. */
#define LIMIT_KUBE_PAGE (12 << 20)        /* bytes of one page of a list */
#define LIMIT_KUBE_FRAME (12 << 20)       /* bytes of one watch event */
#define LIMIT_KUBE_NAME 512               /* bytes of a name; no object of a longer one is ours */
#define LIMIT_KUBE_TIMEOUT_MS 10000       /* one call, its one retry included */
#define LIMIT_KUBE_IN_FLIGHT 32           /* calls under way at once */
#define LIMIT_TAILSCALE_ANSWER (32 << 20) /* bytes of one of LocalAPI that is kept whole */
/* Of the status, into which every device of the tailnet has its word, what is read: 100,000 peers;
 * and what is not in memory, which time bounds first. */
#define LIMIT_TAILSCALE_STATUS_READ (32 << 20)
#define LIMIT_TAILSCALE_STATUS (1 << 30)
#define LIMIT_TAILSCALE_STATUS_MS 8000
#define LIMIT_TAILSCALE_TIMEOUT_MS 5000
#define LIMIT_TAILSCALE_IN_FLIGHT 4
#define LIMIT_TAILSCALE_CERTIFICATE_MS 120000 /* tailscaled may have to fetch one first */
#define LIMIT_CERTIFICATE (256 << 10)         /* bytes of a certificate chain, of a key, of both */

#define LIMIT_OTLP_SPANS 1024       /* waiting for a collector */
#define LIMIT_OTLP_ANSWER 65536     /* bytes of its answer */
#define LIMIT_CONFIG_FILE (1 << 20) /* bytes of a config file */
#define LIMIT_KUBECONFIG (16 << 20) /* of a kubeconfig: hundreds of clusters' certificates */
#define LIMIT_TOKEN_FILE 65536      /* bytes of a mounted ServiceAccount token */
#define LIMIT_CA_FILE (1 << 20)     /* bytes of a CA bundle */
#define LIMIT_JSON_TEXT 65536       /* bytes of one text read through a field table */
