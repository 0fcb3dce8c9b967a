// Checks access tokens of wmda-auth with Microsoft.AspNetCore.Authentication.JwtBearer (.NET 8 or newer), and their status.
using System.Collections.Concurrent;
using System.Diagnostics;
using System.IO.Compression;
using System.Text.Json;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

static class WmdaAuth
{
    /// <summary>url: the server's address; audience: your API's resource id; algorithm: the one that it was registered with.</summary>
    public static IServiceCollection AddWmdaAuth(this IServiceCollection services, string url, string tenant, string audience, string algorithm)
    {
        var types = new Dictionary<string, string>
        {
            [url] = "at+jwt",
            [$"{url}/{tenant}/"] = "JWT",
            [$"{url}/{tenant}/v2.0"] = "JWT",
        };
        var lists = new StatusLists(url);
        services.AddAuthentication(JwtBearerDefaults.AuthenticationScheme).AddJwtBearer(options =>
        {
            options.MetadataAddress = $"{url}/.well-known/openid-configuration";
            options.RequireHttpsMetadata = !new Uri(url).IsLoopback;
            options.MapInboundClaims = false;
            options.IncludeErrorDetails = false;
            options.TokenValidationParameters = new TokenValidationParameters
            {
                ValidAlgorithms = [algorithm],
                ValidTypes = ["at+jwt", "JWT"],
                ValidIssuers = types.Keys,
                ValidAudience = audience,
                ClockSkew = TimeSpan.FromSeconds(30),
                NameClaimType = "sub",
                RoleClaimType = "roles",
            };
            options.Events = new JwtBearerEvents
            {
                OnTokenValidated = async context =>
                {
                    var token = (JsonWebToken)context.SecurityToken;
                    if (types.GetValueOrDefault(token.Issuer) != token.Typ)
                    {
                        context.Fail("not an access token of this issuer");
                        return;
                    }
                    if (token.TryGetPayloadValue<object>("cnf", out _))
                    {
                        context.Fail("bound to a key: it needs a DPoP proof, which is not checked here");
                        return;
                    }
                    var configuration = await context.Options.ConfigurationManager!.GetConfigurationAsync(context.HttpContext.RequestAborted);
                    if (!await lists.IsValidAsync(token, configuration.SigningKeys))
                    {
                        context.Fail("its secret was deleted or its application disabled");
                    }
                },
            };
        });
        return services.AddAuthorization();
    }
}

/// <summary>Token Status Lists: read again when their ttl has passed; used until their exp while the server does not answer, and never after it.</summary>
sealed class StatusLists(string url)
{
    private sealed record StatusList(int Bits, byte[] Statuses, long FetchAt, DateTime Expires)
    {
        public bool IsValid(int index)
        {
            var perByte = 8 / Bits;
            return index >= 0 && index / perByte < Statuses.Length
                && (Statuses[index / perByte] >> (index % perByte * Bits) & (1 << Bits) - 1) == 0;
        }
    }

    private readonly HttpClient http = new() { Timeout = TimeSpan.FromSeconds(2) };
    private readonly ConcurrentDictionary<string, StatusList> lists = new();

    public async Task<bool> IsValidAsync(JsonWebToken token, ICollection<SecurityKey> keys)
    {
        if (!token.TryGetPayloadValue("status", out JsonElement status)
            || !status.TryGetProperty("status_list", out var place)
            || place.GetProperty("uri").GetString() is not { } uri || !uri.StartsWith(url + "/", StringComparison.Ordinal))
        {
            return false;
        }
        return (await CurrentAsync(uri, keys)).IsValid(place.GetProperty("idx").GetInt32());
    }

    private async Task<StatusList> CurrentAsync(string uri, ICollection<SecurityKey> keys)
    {
        if (!lists.TryGetValue(uri, out var known) || Stopwatch.GetTimestamp() >= known.FetchAt)
        {
            try
            {
                lists[uri] = known = await FetchAsync(uri, keys);
            }
            catch (Exception problem) when (known is not null && problem is HttpRequestException or TaskCanceledException)
            {
                // The list that is known serves until its end.
            }
        }
        return known is not null && DateTime.UtcNow < known.Expires ? known : throw new InvalidOperationException("no status list");
    }

    private async Task<StatusList> FetchAsync(string uri, ICollection<SecurityKey> keys)
    {
        var asked = Stopwatch.GetTimestamp();
        var text = await http.GetStringAsync(uri);
        var outcome = await new JsonWebTokenHandler().ValidateTokenAsync(text, new TokenValidationParameters
        {
            IssuerSigningKeys = keys,
            ValidAlgorithms = ["ES256", "RS256"],
            ValidTypes = ["statuslist+jwt"],
            ValidateIssuer = false,
            ValidateAudience = false,
        });
        if (!outcome.IsValid || outcome.SecurityToken is not JsonWebToken token || token.Subject != uri)
        {
            throw new HttpRequestException("not the list that was asked for", outcome.Exception);
        }
        var packed = token.GetPayloadValue<JsonElement>("status_list");
        using var compressed = new MemoryStream(Base64UrlEncoder.DecodeBytes(packed.GetProperty("lst").GetString()));
        using var plain = new MemoryStream();
        await using (var zlib = new ZLibStream(compressed, CompressionMode.Decompress))
        {
            await zlib.CopyToAsync(plain);
        }
        var ttl = token.GetPayloadValue<long>("ttl");
        return new StatusList(packed.GetProperty("bits").GetInt32(), plain.ToArray(), asked + ttl * Stopwatch.Frequency, token.ValidTo);
    }
}
