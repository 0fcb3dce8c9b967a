var builder = WebApplication.CreateBuilder(args);
string Setting(string name) => builder.Configuration[name] ?? throw new InvalidOperationException($"{name} is missing");
builder.Services.AddWmdaAuth(Setting("PUBLIC_URL"), Setting("TENANT"), Setting("AUDIENCE"), Setting("ALGORITHM"));

var api = builder.Build();
api.UseAuthentication();
api.UseAuthorization();
api.MapGet("/", (HttpContext http) => http.User.Identity!.Name)
    .RequireAuthorization(policy => policy.RequireRole(Setting("ROLE")));
api.Run($"http://127.0.0.1:{Setting("PORT")}");
