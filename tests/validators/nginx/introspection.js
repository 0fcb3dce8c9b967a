// Asks the authorization server about the token of a request: on to the API, or 401, 403, or 503 when it gives no answer.
async function check(request) {
    const bearer = /^Bearer ([\w.-]+)$/i.exec(request.headersIn.Authorization || '');
    if (!bearer) {
        return refuse(request);
    }
    const answer = await request.subrequest('/_introspection', { method: 'POST', body: 'token=' + bearer[1] });
    if (answer.status !== 200) {
        request.error('introspection answers ' + answer.status);
        return request.return(503);
    }
    const token = JSON.parse(answer.responseText);
    // A token that is bound to a key needs a proof, which is not checked here.
    if (token.active !== true || token.cnf) {
        return refuse(request);
    }
    if (!token.roles.includes(request.variables.needed_role)) {
        return request.return(403);
    }
    request.variables.caller = token.sub;
    request.internalRedirect('@api');
}

function refuse(request) {
    request.headersOut['WWW-Authenticate'] = 'Bearer';
    request.return(401);
}

export default { check };
